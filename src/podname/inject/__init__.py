"""Floor 5: `podname inject`: manifests as text in, the same text with what their workloads need out.

Nothing here does I/O: the command reads and writes. What is written into a pod template is decided in `attach/`.
"""
