"""What a workload needs so that it uses pod names: a pure function of a pod template, for files and for admission.

Nothing here does I/O: trees and options in, trees and what is in the way out.
"""
