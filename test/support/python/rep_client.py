"""A REQ client of the MessagePack agent protocol that knows nothing but libzmq: every byte is made by hand.

Reads commands from stdin, one a line: the hex of a message. Prints the hex of each reply.
A reply that does not come is asked for again on a new socket, as old clients do.
"""
import sys

import zmq

REPLY_MS = 2000
TRIES = 30


def connect(context, endpoint):
    socket = context.socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, REPLY_MS)
    socket.connect(endpoint)
    return socket


def main():
    context = zmq.Context()
    endpoint = sys.argv[1]
    socket = connect(context, endpoint)
    for line in sys.stdin:
        for _ in range(TRIES):
            try:
                socket.send(bytes.fromhex(line.strip()))
                print(socket.recv().hex(), flush=True)
                break
            except zmq.ZMQError:
                socket.close()
                socket = connect(context, endpoint)
        else:
            print("", flush=True)
    socket.close()
    context.term()


main()
