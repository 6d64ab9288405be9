from rasa_asyncify.cli import run

if __name__ == "__main__":
    run()
