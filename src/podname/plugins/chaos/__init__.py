"""The `chaos` directive: says in class CH which server this is."""
