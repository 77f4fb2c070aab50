"""Floor 5, beside the server: pod names in the cluster's own DNS, by EndpointSlices that we write.

Any conformant cluster DNS answers `<hostname>.<service>.<namespace>.svc.<zone>` for the `hostname` of an endpoint. A
headless Service without a selector has no endpoints but those that somebody writes: this controller does, with the
pod's name as `hostname`. It neither serves DNS nor needs any change to the server that does.

::

    Services, pods, slices ──► catalog ──► queue ──► planning (pure) ──► writing ──► API server ──► cluster DNS
                                                                          ▲
                                                             election: one of the replicas

Source: Kubernetes DNS-Based Service Discovery 1.1.0 §2.4; KEP-752 (EndpointSlice).
"""
