"""An HTTP server: HTTP/1.1 by h11, HTTP/2 by h2, on asyncio's transports."""
