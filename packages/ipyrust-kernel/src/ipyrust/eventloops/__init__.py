"""GUI toolkits between cells: one file each, `names` which of them %gui means, `integrations` for loops of others."""
