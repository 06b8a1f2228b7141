"""Adding figures through the server: jobs that wait, run one at a time in a process of their own, and are kept."""
