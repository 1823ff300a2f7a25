//! A transactional log in this process.
