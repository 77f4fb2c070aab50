"""The `acl` directive: decides who may ask for what."""
