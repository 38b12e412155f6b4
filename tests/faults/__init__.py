"""Hostile and odd input on the sockets: nothing unsigned runs, and the next request is answered."""
