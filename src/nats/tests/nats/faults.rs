//! Workers and servers that are killed, stopped and lose what they had.
