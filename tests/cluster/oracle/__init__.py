"""CoreDNS as the oracle: the same cluster, the same Corefile, the same questions, every difference.

`pair` starts CoreDNS and podname on one API server with one Corefile, makes the cluster hold given
objects and waits until both have seen them. `questions` and `names` say what is asked, `asking`
asks it, `messages` reads the replies with a reader of its own, `comparing` says how two replies
differ, and `explained` which differences docs/deviations.md accounts for, each by a narrow rule.

`objects` are the words for clusters, `odd` the hand-made ones, `grammar` the generated ones,
`variants` the Corefiles, `upstream` a name server that says what a script tells it.
"""
