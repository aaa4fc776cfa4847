"""An OpenAI-compatible server on 127.0.0.1 that answers as recorded providers do."""
