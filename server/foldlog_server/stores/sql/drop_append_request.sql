DROP TRIGGER IF EXISTS append_request
