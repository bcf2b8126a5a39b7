"""A SUB client that knows nothing but libzmq: prints each message of one topic, a line for each.

Ends after the frame that completes the stream. A message of more than one frame is an error.
"""
import sys

import zmq

WAIT_MS = 60000


def main():
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
    socket.setsockopt(zmq.SUBSCRIBE, sys.argv[2].encode())
    socket.connect(sys.argv[1])
    frame = b""
    while b'"type":"complete"' not in frame:
        frame, *more = socket.recv_multipart()
        if more:
            sys.exit("more than one frame")
        print(frame.decode(), flush=True)
    socket.close()
    context.term()


main()
