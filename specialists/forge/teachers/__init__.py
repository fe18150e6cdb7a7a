"""Teachers that a user brings: a model in a directory, or an endpoint that answers chats. They label texts."""
