"""Ingest on a Ray cluster, for more photos than one machine can take, into Parquet.

The input is listed once and cut into chunks. Workers take them, with the decoder, the
model and the metrics of an ordinary ingest, and write a file for each; what is there is not done
again. At the end a shuffle makes one row of all that is said about a photo.
"""
