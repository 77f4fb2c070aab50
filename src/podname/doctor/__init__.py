"""`podname doctor`: why one Erlang node does not reach another.

Three steps that know nothing of each other: `gather` looks at the machine, the network and the cluster and gives
`Facts`; `judge` turns facts into findings, in order, and touches nothing; `show` writes findings for people or as JSON.
"""
