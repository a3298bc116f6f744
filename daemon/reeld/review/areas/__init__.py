"""The routes of the review server, one module an area; each has `routes(desk)`."""
