"""This will hold the admin site's conventions: who may do what there, what its pages may load, how they look."""
