"""`forward FROM TO...`: what is not ours is asked of somebody else, and the answer handed on as it came."""
