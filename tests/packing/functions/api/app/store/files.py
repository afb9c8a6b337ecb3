BUCKET = None
