"""What the pages of questions share: data, small networks, statistics and figures."""
