"""Questions that were asked once: nothing that is shipped needs these."""
