"""Discovery: how processes of one mesh find each other. Adverts are hints, never trust and never proof of life."""
