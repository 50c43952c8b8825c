"""Ask for open items of attention by what they are about; `store.attention` keeps them."""
