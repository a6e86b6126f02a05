package graphserver

// write answers POST, PATCH, PUT and DELETE below a known collection.
func (s *Server) write(r *request, at place) answer {
	return r.methodNotAllowed()
}

// elsewhere answers for paths outside the known collections: the directory, and actions that
// belong to none of them. It reports false for a path that it does not know.
func (s *Server) elsewhere(r *request) (answer, bool) {
	return answer{}, false
}
