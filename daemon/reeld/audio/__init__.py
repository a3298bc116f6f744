"""The audio box: microphones and computer sound to AAC tracks on the session's clock."""
