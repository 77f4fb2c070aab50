"""`podname inject` at admission: the API server asks, and gets a JSON Patch from the same pure function.

`review` answers, `material` makes certificates, `keeper` agrees with the API server on them, `serving` speaks HTTPS,
`process` joins them. Nothing here ever refuses a pod.
"""
