/** A SUB socket that listens to one chat, as the GUI does. */
import { Subscriber } from 'zeromq'
import { ANSWER_MS } from './patience.ts'

export class ChatListener {
  readonly #socket: Subscriber

  private constructor(socket: Subscriber) {
    this.#socket = socket
  }

  /** Resolves when it is connected; its subscription goes out with that. */
  static async to(endpoint: string, topic: string): Promise<ChatListener> {
    const socket = new Subscriber({ linger: 0, receiveTimeout: ANSWER_MS })
    const connected = new Promise<void>((resolve) => {
      socket.events.on('handshake', () => resolve())
    })
    socket.subscribe(topic)
    socket.connect(endpoint)
    await connected
    return new ChatListener(socket)
  }

  /** Frames up to and including the one that ends the stream, or as many as came in time. */
  async frames(): Promise<string[]> {
    const frames: string[] = []
    while (!isComplete(frames.at(-1) ?? '')) {
      try {
        const [frame, ...more] = await this.#socket.receive()
        const parts = [frame ?? Buffer.alloc(0), ...more]
        frames.push(parts.map((part) => part.toString('utf8')).join('<next frame>'))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break
        throw error
      }
    }
    return frames
  }

  close(): void {
    this.#socket.close()
  }
}

function isComplete(frame: string): boolean {
  return /^\S+ \{"type":"complete"/.test(frame)
}
