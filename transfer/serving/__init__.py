"""What serves the processes that listen: the doors, the desk and the key service. It knows no door and no page.

It counts and bounds connections, reads what trusted proxies say before them, and serves an HTTP app by uvicorn.
"""
