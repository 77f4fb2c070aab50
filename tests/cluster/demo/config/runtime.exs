# Read when a node starts. Nothing here: tests put the `config :libcluster` of a page in its place.
import Config
