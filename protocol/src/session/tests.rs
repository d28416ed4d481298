//! Session stories (placeholder for the Pair harness).
