"""How checks read measurements and word what they find: what several of them share."""
