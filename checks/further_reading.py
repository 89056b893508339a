"""Links that checks offer as further reading: titles and addresses only. The report loads none of them."""

from diagnose.findings import Link

RECIPE = Link("A Recipe for Training Neural Networks (Karpathy)", "https://karpathy.github.io/2019/04/25/recipe/")
NOT_WORKING = Link(
    "My Neural Network isn't working! What should I do?", "http://theorangeduck.com/page/neural-network-not-working"
)
HARD = Link("Why is machine learning 'hard'?", "http://ai.stanford.edu/~zayd/why-is-machine-learning-hard.html")
ADVICE = Link(
    "Practical Advice for Building Deep Neural Networks",
    "https://pcc.cs.byu.edu/2017/10/02/practical-advice-for-building-deep-neural-networks/",
)
BOOK = Link("Neural networks and deep learning (book)", "http://neuralnetworksanddeeplearning.com/")
CONVOLUTIONS = Link(
    "CS231n Convolutional Neural Networks for Visual Recognition", "http://cs231n.github.io/convolutional-networks/"
)
BACKPROP = Link(
    "Yes you should understand backprop (Karpathy)",
    "https://medium.com/@karpathy/yes-you-should-understand-backprop-e2f06eab496b",
)
LOSS_TABLE = Link(
    "Deep Learning: Which Loss and Activation Functions should I use?",
    "https://medium.com/@srnghn/deep-learning-which-loss-and-activation-functions-should-i-use-ac02f1c56aa8",
)
OBJECTIVES = Link(
    "Understanding objective functions in neural networks",
    "https://towardsdatascience.com/understanding-objective-functions-in-neural-networks-d217cb068138",
)
RATE = Link("Setting the learning rate of your neural network", "https://www.jeremyjordan.me/nn-learning-rate/")
FINDER = Link(
    "Estimating an Optimal Learning Rate For a Deep Neural Network",
    "https://towardsdatascience.com/estimating-optimal-learning-rate-for-a-deep-neural-network-ce32f2556ce0",
)
CYCLES = Link("The Cyclical Learning Rate technique", "http://teleported.in/posts/cyclic-learning-rate/")
ONE_CYCLE = Link("The 1cycle policy", "https://sgugger.github.io/the-1cycle-policy.html")
RESTARTS = Link(
    "Exploring Stochastic Gradient Descent with Restarts (SGDR)",
    "https://medium.com/38th-street-studios/exploring-stochastic-gradient-descent-with-restarts-sgdr-fa206c38a74e",
)
ADAMW = Link(
    "AdamW and Super-convergence is now the fastest way to train neural nets",
    "http://www.fast.ai/2018/07/02/adam-weight-decay/",
)
ADAM = Link(
    "Intro to optimization in deep learning: Momentum, RMSProp and Adam",
    "https://blog.paperspace.com/intro-to-optimization-momentum-rmsprop-adam/",
)
DESCENT = Link(
    "Intro to optimization in deep learning: Gradient Descent",
    "https://blog.paperspace.com/intro-to-optimization-in-deep-learning-gradient-descent/",
)
VANISHING_GRADIENTS = Link(
    "Vanishing gradients and choosing the right activation function",
    "https://blog.paperspace.com/vanishing-gradients-activation-function/",
)
BATCH_NORM = Link(
    "Busting the myth about batch normalization",
    "https://blog.paperspace.com/busting-the-myths-about-batch-normalization/",
)
ACTIVATIONS = Link(
    "Visualising Activation Functions in Neural Networks",
    "https://dashee87.github.io/data%20science/deep%20learning/visualising-activation-functions-in-neural-networks/",
)
INITIALIZATION = Link(
    "Deep Learning Best Practices (1): Weight Initialization",
    "https://medium.com/usf-msds/deep-learning-best-practices-1-weight-initialization-14e5c0295b94",
)
ARCHITECTURES = Link(
    "An Intuitive Guide to Deep Network Architectures",
    "https://medium.com/towards-data-science/an-intuitive-guide-to-deep-network-architectures-65fdc477db41",
)
LAYERS_AND_NODES = Link(
    "How to Configure the Number of Layers and Nodes in a Neural Network",
    "https://machinelearningmastery.com/how-to-configure-the-number-of-layers-and-nodes-in-a-neural-network/",
)
EPOCHS = Link(
    "Epoch vs Batch Size vs Iterations",
    "https://towardsdatascience.com/epoch-vs-iterations-vs-batch-size-4dfb9c7ce9c9",
)
L2 = Link("A New Angle on L2 Regularization", "https://thomas-tanay.github.io/post--L2-regularization/")
LIMITED_DATA = Link(
    "How to use Deep Learning when you have Limited Data",
    "https://medium.com/nanonets/nanonets-how-to-use-deep-learning-when-you-have-limited-data-f68c0b512cab",
)
AUGMENTATION = Link(
    "Limited Data, part 2: Data Augmentation",
    "https://medium.com/nanonets/"
    "how-to-use-deep-learning-when-you-have-limited-data-part-2-data-augmentation-c26971dc8ced",
)
NOT_DEEP = Link("When Not to Use Deep Learning", "http://hyperparameter.space/blog/when-not-to-use-deep-learning/")
REAL_WORLD = Link(
    "Three key learnings when applying deep learning to real-world problems (Merantix)",
    "https://medium.com/merantix/applying-deep-learning-to-real-world-problems-ba2d86ac5837",
)
LEAKAGE = Link(
    "How Driverless AI Prevents Overfitting and Leakage",
    "https://blog.h2o.ai/2018/03/driverless-ai-prevents-overfitting-leakage/",
)
COURSE = Link("DeepLearning.ai course notes", "https://github.com/mbadry1/DeepLearning.ai-Summary")
PROJECT = Link(
    "How to start a Deep Learning project?",
    "https://medium.com/@jonathan_hui/how-to-start-a-deep-learning-project-d9e1db90fa72",
)
FUZZING = Link("TensorFuzz: Debugging Neural Networks with Coverage-Guided Fuzzing", "https://arxiv.org/abs/1807.10875")
SHAPES = Link(
    "Linear algebra cheat sheet for deep learning",
    "https://medium.com/towards-data-science/linear-algebra-cheat-sheet-for-deep-learning-cd67aba4526c",
)
FASTER = Link(
    "Training Neural Networks upto 10x Faster",
    "https://medium.com/coinmonks/training-neural-networks-upto-10x-faster-3246d84caacd",
)
