"""Where a scene is played: the real server path between simulated ends, in simulated time."""
