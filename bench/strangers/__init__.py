# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that nobody prepared the diagnosis for, made up from a seed. Pure: each fault is data, and one seed always gives the same.

A fault is a list of steps that make it and a list that undoes it, the nodes that are at fault, and the causes that a right report may
name: those of today and those that are wanted. A new kind is one function in the file of its matter, and its name in ``FAMILIES``
(``seeds.py``).

In a step's text ``@vm2@`` is the node's address, ``@dev:vm2@`` the device that has it, ``@subnet@`` the subnet of the plain network.
"""
