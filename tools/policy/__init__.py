"""Policy as code: scanners and rules of our own over the templates of what is really deployed."""
