"""Arguments -> a request. Every error in the arguments is found here, before anything is sent."""
