"""The model as a web page: export of weights, and what a browser computes with them."""
