"""Geometric verification: are two aligned photos one picture, everywhere?"""
