"""
Collects what is known of providers: reconstructions, their agreement with recordings, deviation coverage, the
export.
"""
