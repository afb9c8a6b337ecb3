"""Templates judged by strangers: checkov and parliament over templates/, every finding fixed or listed with a reason.

`tox run -e strangers` runs them, in an environment of their own: checkov pins a boto3 that is too old for us.
"""
