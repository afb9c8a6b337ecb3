"""Fail back by decision: are both regions well, do they hold the same, what would be lost; and the hold of clients.

items, matching   what the same item is, and two regions' keys side by side in bounded memory; pure
settling          what differs is read again after a pause: what is only on its way is not told
tables, buckets   a table's items and a component's buckets in two regions, compared
hold              the item that keeps clients where they are: read in each region, written, released
pair              two regions of a deployment, with all in them that is looked at
failback          all of it together: the look, and the way back
"""
