"""What is known of providers: reconstructions, how far they agree with recordings, deviation coverage, the export."""
