"""What every process of podname runs on: HTTP, signals, log lines, metrics, time.

It knows nothing of DNS or Kubernetes.
"""
