"""Floor 5: what a workload needs so that it uses pod names, made and checked.

Nothing here does I/O: texts, trees and options in, texts, trees and findings out. The commands read and write.
"""
