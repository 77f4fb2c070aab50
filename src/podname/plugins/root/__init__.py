"""The `root` directive: says where relative file names begin."""
