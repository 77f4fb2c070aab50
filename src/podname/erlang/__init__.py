"""Floor 3: what is known of Erlang: its terms, its resolver, how nodes are named, started and found.

It knows no tool; those that write and check files, judge and inject stand on it.
"""
