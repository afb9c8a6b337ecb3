"""The alarms of each region, and the topic that tells people of them."""
