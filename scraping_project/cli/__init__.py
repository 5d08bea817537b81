"""Parts that commands share: arguments, exits, servers found and ready, workers started."""
