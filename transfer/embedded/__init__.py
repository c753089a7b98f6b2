"""The parts we run ourselves where no others are given: PostgreSQL, the object store, Airflow, and who watches them.

Everything a part writes lies under one folder that only its owner can open, and everything listens on loopback only.
Linux only: processes are told apart by what `/proc` says of them.
"""
