"""Failback by decision: compare two regions, report what clients would lose, and move clients by their hold.

items, matching   when two items are the same, and the keys of two regions compared in bounded memory; pure
settling          reads a difference again after a pause, so that a write that is being replicated is not reported
tables, buckets   compare a table's items and a component's buckets in two regions
hold              the item that keeps clients where they are: read in each region, written, released
pair              two regions of a deployment, with the tables and buckets that are compared
failback          all of it together: the comparison, and the way back
"""
